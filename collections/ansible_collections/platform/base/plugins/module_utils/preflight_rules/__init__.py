"""What must hold on hosts before anything is installed: pure functions from facts to problems."""
