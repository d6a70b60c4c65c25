module secpipe.dev/verifier

go 1.27
