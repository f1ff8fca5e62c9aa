"""One host of the inventory, through pyinfra."""
