"""torch.export archives (``.pt2``): torch runs the program and gives native gradients."""
