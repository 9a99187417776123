"""The only caller of writers: carries out a plan, step by step, and reports what was done."""
