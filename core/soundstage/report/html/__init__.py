"""The report: one folder of HTML that opens from disk, without a server and without a network.

`data` turns results into what the pages show, `page` writes the folder; `assets` is what runs in the browser.
"""
