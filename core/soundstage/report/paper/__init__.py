"""What a paper takes from results: numbers as macros, tables, sentences, methods, references; and whether it is so."""
