"""What a result was made from: fingerprints of code, what files record, what each job does around its work."""
