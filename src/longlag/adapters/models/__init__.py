"""Models of other libraries, a file each."""
