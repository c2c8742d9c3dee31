"""Studies beside the benchmark: scale, distractors, ablations, trials of identification."""
