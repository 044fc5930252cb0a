"""Published files of weights, read as data: PyTorch's containers and pickles, numpy's, safetensors."""
