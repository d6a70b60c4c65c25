package verifier

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What stands on a disk and in no vector: a pipe, a socket's place, a folder that cannot be read.
func TestWalkVouchesForRegularFilesOnly(t *testing.T) {
	folder := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(folder, "a"), []byte("x"), 0o644))
	must(os.MkdirAll(filepath.Join(folder, "sub", ".git", "objects"), 0o755))
	must(os.WriteFile(filepath.Join(folder, "sub", "b"), nil, 0o644))
	must(os.Symlink("a", filepath.Join(folder, "link")))
	must(makePipe(filepath.Join(folder, "pipe")))
	found, err := Walk(folder)
	must(err)
	slices.Sort(found.Uncovered)
	if want := []string{"link", "pipe", "sub/.git"}; !slices.Equal(found.Uncovered, want) {
		t.Errorf("uncovered: %v, not %v", found.Uncovered, want)
	}
	if len(found.Files) != 2 || found.Files["a"] != sha256Hex([]byte("x")) || found.Files["sub/b"] != sha256Hex(nil) {
		t.Errorf("files: %v", found.Files)
	}
	if _, err := (&Trust{}).VerifyPath(filepath.Join(folder, "pipe"), Demand{}, now()); err == nil {
		t.Error("a pipe was verified")
	}
}

func TestNamesThatAreOneUnderNFC(t *testing.T) {
	for _, pair := range [][2]string{{"é", "e\u0301"}, {"가", "\u1100\u1161"}, {"각", "\u1100\u1161\u11a8"}, {"a\u0323\u0307", "a\u0307\u0323"}, {"Å", "\u212b"}} {
		if decomposed(pair[0]) != decomposed(pair[1]) {
			t.Errorf("%q and %q are one", pair[0], pair[1])
		}
	}
	if decomposed("ﬁ") == decomposed("fi") || decomposed("é") == decomposed("e") {
		t.Error("two names that are not one")
	}
}

func TestWhateverPanicsIsARefusal(t *testing.T) {
	if _, err := (&Trust{}).VerifyVerdict(Bundles{Classical: []byte("{}")}, Asked{}, now()); err == nil {
		t.Error("nothing was verified without a bundle")
	}
	_, err := OpenTrust(nil, TrustOptions{})
	if result, code := Result(err); result != "undecided" || code != "trust-malformed" {
		t.Errorf("%s %s", result, code)
	}
}
