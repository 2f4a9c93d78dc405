"""Why an answer is what it is: dated events of a person, checked by taking them out."""
