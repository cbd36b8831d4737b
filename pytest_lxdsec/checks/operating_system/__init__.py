"""The guide's section "Security": the operating system is kept up to date."""
