"""The published NeuralSampleID release: its files, protocols and tables."""
