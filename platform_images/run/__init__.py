"""What happens with a built image: tests, the lab, shells and commands, each in a container of its own."""
