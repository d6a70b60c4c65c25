package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	verifier "secpipe.dev/verifier"
)

// TestVectors holds this verifier against every case, result and code.
func TestVectors(t *testing.T) {
	index, err := filepath.Abs("../../../../vectors/index.json")
	if err != nil {
		t.Fatal(err)
	}
	type answer struct{ Result, Code string }
	var all struct {
		Cases []struct {
			vector
			Expect  answer
			Without map[string]answer
		}
	}
	if err := json.Unmarshal(read(index), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Cases) < 400 {
		t.Fatalf("only %d cases", len(all.Cases))
	}
	w := world{filepath.Dir(index)}
	for _, one := range all.Cases {
		want := one.Expect
		if other, lacks := one.Without["rfc3161"]; lacks {
			want = other
		}
		err := w.judge(one.vector)
		if result, code := verifier.Result(err); (answer{result, code}) != want {
			t.Errorf("%s: %s %q, not %s %q (%v)", one.ID, result, code, want.Result, want.Code, err)
		}
	}
}
