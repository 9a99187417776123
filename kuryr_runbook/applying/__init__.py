"""The only caller of writers: carries a plan out, step by step, and says what was done."""
