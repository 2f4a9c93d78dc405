"""Events as numbers: vocabulary, encoder, splits by time, batches."""
