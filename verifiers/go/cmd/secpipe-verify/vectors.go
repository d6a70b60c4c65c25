// Running the vectors: one line of JSON a case (vectors/README.md).

package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	verifier "secpipe.dev/verifier"
)

type entry struct {
	Path, Text, Link string
	Folder           bool
}

type vector struct {
	ID, Check, Now, Pin, Form, Artifact, Digest string
	Trust, Seen, Who, Proof                     any
	MaxRingAge, Pad, Quorum                     int
	Tree                                        []entry
	Bundles                                     map[string]any
	Demand                                      verifier.Demand
	Asked                                       verifier.Asked
}

type world struct{ folder string }

// file returns the content of one file, or of several behind each other.
func (w world) file(name any) []byte {
	switch name := name.(type) {
	case nil:
		return nil
	case string:
		return read(filepath.Join(w.folder, name))
	}
	data := []byte{}
	for _, part := range name.([]any) {
		data = append(data, w.file(part)...)
	}
	return data
}

func vectors(index string) {
	var all struct{ Cases []vector }
	if err := json.Unmarshal(read(index), &all); err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, one := range all.Cases {
		result, code := verifier.Result(world{filepath.Dir(index)}.judge(one))
		json.NewEncoder(out).Encode(map[string]string{"id": one.ID, "result": result, "code": code})
	}
}

func (w world) judge(v vector) error {
	now, err := time.Parse(time.RFC3339, v.Now)
	if err != nil {
		fail(err)
	}
	pad := []byte(strings.Repeat(" ", v.Pad))
	if v.Check == "log" {
		var who struct{ Keys, Witnesses []string }
		if err := json.Unmarshal(w.file(v.Who), &who); err != nil {
			fail(err)
		}
		return verifier.VerifyLogProof(append(w.file(v.Proof), pad...), v.Digest, logTrust(who.Keys, who.Witnesses, v.Quorum))
	}
	ask := verifier.TrustOptions{Pin: v.Pin, Seen: w.file(v.Seen), MaxRingAge: v.MaxRingAge, Now: now}
	trust, err := verifier.OpenTrust(w.file(v.Trust), ask)
	if err != nil || v.Check == "trust" {
		return err
	}
	if v.Check == "verdict" {
		_, err = trust.VerifyVerdict(verifier.Bundles{Classical: w.file(v.Bundles["classical"]), PQ: w.file(v.Bundles["pq"])}, v.Asked, now)
		return err
	}
	folder, err := os.MkdirTemp("", "vectors")
	if err != nil {
		fail(err)
	}
	defer os.RemoveAll(folder)
	_, err = trust.VerifyPath(w.lay(v, folder, pad), v.Demand, now)
	return err
}

// lay puts the artifact of a case and its bundles into a folder, and returns its path.
func (w world) lay(v vector, base string, pad []byte) string {
	path := filepath.Join(base, v.Artifact)
	names := map[string]string{"classical": path + ".sig", "pq": path + ".pqc.sig"}
	if v.Form == "folder" {
		base = path
		names = map[string]string{"classical": filepath.Join(path, "model.sig"), "pq": filepath.Join(path, "model.pqc.sig")}
	}
	must(os.MkdirAll(base, 0o755))
	for _, one := range v.Tree {
		place := filepath.Join(base, one.Path)
		must(os.MkdirAll(filepath.Dir(place), 0o755))
		switch {
		case one.Link != "":
			must(os.Symlink(one.Link, place))
		case one.Folder:
			must(os.MkdirAll(place, 0o755))
		default:
			must(os.WriteFile(place, []byte(one.Text), 0o644))
		}
	}
	for half, name := range v.Bundles {
		data := w.file(name)
		if half == "classical" {
			data = append(data, pad...)
		}
		must(os.WriteFile(names[half], data, 0o644))
	}
	return path
}

func must(err error) {
	if err != nil {
		fail(err)
	}
}
