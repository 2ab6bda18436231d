"""What is there: reads any MLflow store into the immutable values of ``model``, and changes nothing."""
