"""For all tests."""

import torch

# The tensors here are small: on a busy machine more threads would only wait for each other.
torch.set_num_threads(1)
