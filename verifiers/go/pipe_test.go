package verifier

import (
	"syscall"
	"time"
)

func makePipe(path string) error { return syscall.Mkfifo(path, 0o600) }

func now() time.Time { return time.Unix(1795000000, 0) }
