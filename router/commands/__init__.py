"""The commands of the command line that have subcommands, a file each."""
