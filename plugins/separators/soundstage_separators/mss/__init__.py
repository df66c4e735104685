"""Models of the community's training toolkit (Music-Source-Separation-Training): a checkpoint and the YAML it needs.

`config` reads the YAML, `network` builds and fills the network, `overlap` cuts tracks into chunks and joins them, and
`separator` is the plugin.
"""
