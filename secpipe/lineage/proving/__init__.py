"""Whether the bytes of weights agree with how they are said to be made: recomputed or bounded, tensor by tensor."""
