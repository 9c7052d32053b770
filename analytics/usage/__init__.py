"""The usage page: what its address asks for, its figures in words and bars, its requests one by one and as a file."""
