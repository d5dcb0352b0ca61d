"""What is found out about hosts before anything is installed: readings of files, programs and the network."""
