"""Sets of HRIRs: a folder of WAV files, a SOFA file, or computed on a rigid sphere."""
