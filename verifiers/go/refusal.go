// Package verifier verifies what secpipe signs: trust bundles, hybrid signatures over files and model folders,
// signed verdicts and log proofs. It has no dependency but the standard library, and answers with the codes of
// docs/spec/refusals.md. Anything that goes wrong means: not verified.
package verifier

import "fmt"

// Refusal is why something does not verify; Code is one of the closed table.
type Refusal struct {
	Code    string
	Message string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

var undecided = map[string]bool{
	"trust-malformed": true, "ring-stale": true, "time-not-supported": true, "newer-trust": true, "old-trust": true,
	"verdict-undecided": true, "verdict-expired": true, "verdict-too-old": true, "log-malformed": true,
}

// Result returns the word for an error of this package: verified, refused or undecided.
func Result(err error) (result, code string) {
	if err == nil {
		return "verified", ""
	}
	if r, ok := err.(*Refusal); ok {
		if undecided[r.Code] {
			return "undecided", r.Code
		}
		return "refused", r.Code
	}
	return "refused", "invalid"
}

// refuse ends a verification; catch turns it into the error of an exported function.
func refuse(code, format string, values ...any) {
	panic(&Refusal{code, fmt.Sprintf(format, values...)})
}

// malformed is what the readers of documents panic with; who calls them knows the code.
type malformed struct{ message string }

func bad(format string, values ...any) { panic(malformed{fmt.Sprintf(format, values...)}) }

// as runs a reader, and refuses with this code what it finds malformed.
func as[T any](code string, read func() T) (value T) {
	defer func() {
		switch found := recover().(type) {
		case nil:
		case malformed:
			refuse(code, "%s", found.message)
		default:
			panic(found)
		}
	}()
	return read()
}

func catch(err *error) {
	switch found := recover().(type) {
	case nil:
	case *Refusal:
		*err = found
	case malformed:
		*err = &Refusal{"invalid", found.message}
	default:
		*err = &Refusal{"invalid", fmt.Sprintf("could not be verified: %v", found)}
	}
}
