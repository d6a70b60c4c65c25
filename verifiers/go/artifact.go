// Files and folders on disk, hashed as they are read: memory does not grow with the size of a model.

package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const mostFiles = 500_000

// Verified is who signed what.
type Verified struct {
	Identity, Purpose, Name, Version string
	KeyVersion                       int64
	Digests                          map[string]string
	Predicate                        map[string]any
}

func (e established) verified() *Verified {
	return &Verified{e.who.name, e.purpose, e.name, e.statement.version, e.version.number, e.digests, e.predicate}
}

// VerifyPath verifies the signed file or folder at path: every half, date, authority and byte.
func (t *Trust) VerifyPath(path string, d Demand, now time.Time) (v *Verified, err error) {
	defer catch(&err)
	info, failed := os.Stat(path)
	if failed != nil {
		return nil, failed
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errors.New("neither a file nor a folder")
	}
	own, _ := filepath.Abs(path)
	name, pinned := filepath.Base(own), d.Name
	if info.IsDir() {
		bundles := Bundles{readBundle(filepath.Join(path, "model.sig")), readBundle(filepath.Join(path, "model.pqc.sig"))}
		d.Name = or(pinned, name)
		found := t.establish(bundles, d, now.Unix())
		found.demandForm("folder")
		folder, failed := Walk(path)
		if failed != nil {
			return nil, failed
		}
		compareFolder(folder, found.statement, d.Ignore)
		return found.verified(), nil
	}
	bundles := Bundles{readBundle(path + ".sig"), readBundle(path + ".pqc.sig")}
	found := t.establish(bundles, d, now.Unix())
	found.demandForm("file")
	digest, failed := hashFile(path)
	if failed != nil {
		return nil, failed
	}
	compareFile(name, digest, found.statement, pinned != "")
	return found.verified(), nil
}

func (e established) demandForm(form string) {
	if e.form != form {
		refuse("wrong-form", "a %s signature does not sign a %s", e.purpose, form)
	}
}

func compareFile(name, digest string, s statement, pinned bool) {
	switch {
	case isReserved(name):
		refuse("reserved-name", "%q has a name reserved for signatures", name)
	case len(s.digests) != 1:
		refuse("statement-malformed", "a file is signed by its SHA-256 alone")
	case s.digests["sha256"] != digest:
		refuse("changed-file", "the file is not the one that was signed")
	case !pinned && s.name != name:
		refuse("wrong-name", "the file was signed under another name")
	}
}

func isReserved(name string) bool {
	folded := strings.Map(func(c rune) rune {
		if c == 'ſ' {
			return 's'
		}
		if c >= 'A' && c <= 'Z' {
			return c + 32
		}
		return c
	}, name)
	for _, suffix := range []string{".sig", ".tlog-proof", ".att.json"} {
		if strings.HasSuffix(folded, suffix) {
			return true
		}
	}
	return folded == "model" || folded == "model.pqc"
}

// readBundle returns nil where nothing stands; a link or a folder is a bundle that cannot be read.
func readBundle(path string) []byte {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() > documentBytes {
		refuse("bundle-malformed", "a bundle that is no regular file, or too large")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		refuse("bundle-malformed", "a bundle that cannot be read")
	}
	if data == nil {
		return []byte{}
	}
	return data
}

// Walk lists and hashes a folder; no link is followed.
func Walk(path string) (Folder, error) {
	found := Folder{Files: map[string]string{}}
	err := filepath.WalkDir(path, func(place string, entry fs.DirEntry, err error) error {
		if place == path {
			return err
		}
		relative, _ := filepath.Rel(path, place)
		relative = filepath.ToSlash(relative)
		switch {
		case err == nil && entry.IsDir() && entry.Name() != ".git":
			return nil
		case err == nil && entry.Type().IsRegular():
			if len(found.Files) >= mostFiles {
				return errors.New("a folder with too many files")
			}
			digest, failed := hashFile(place)
			if found.Files[relative] = digest; failed == nil {
				return nil
			}
			delete(found.Files, relative)
		}
		found.Uncovered = append(found.Uncovered, relative)
		if err == nil && entry.IsDir() || err != nil && entry != nil && entry.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
	return found, err
}

func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hasher := sha256.New()
	_, err = io.Copy(hasher, file)
	return hex.EncodeToString(hasher.Sum(nil)), err
}
