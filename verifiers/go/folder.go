// Model folders: the signed manifest against the files that stand there.

package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

const logProof = "model.sig.tlog-proof"

var sidecars = []string{"model.pqc.sig", "model.sig", logProof}

type manifest struct {
	files   map[string]string // path -> hex SHA-256
	ignored []string
}

func parseManifest(predicate object) manifest {
	top := exactly(predicate, "the predicate", []string{"resources", "serialization"})
	how := exactly(top["serialization"], "serialization", []string{"method", "hash_type", "allow_symlinks"}, "ignore_paths")
	rows, ok := top["resources"].([]any)
	if how["method"] != "files" || how["hash_type"] != "sha256" || how["allow_symlinks"] != false || !ok {
		bad("only whole files under SHA-256 without links are accepted")
	}
	m := manifest{files: map[string]string{}}
	if value, there := how["ignore_paths"]; there {
		items, ok := value.([]any)
		for _, item := range items {
			path, text := item.(string)
			if ok = ok && text && clean(path); ok {
				m.ignored = append(m.ignored, path)
			}
		}
		if !ok {
			bad("ignore_paths is not a list of relative paths")
		}
	}
	forms := map[string]string{}
	for _, row := range rows {
		one := exactly(row, "a resource", []string{"name", "digest", "algorithm"})
		name, digest := textOf(one["name"]), textOf(one["digest"])
		if _, twice := m.files[name]; twice || !hex256.MatchString(digest) || one["algorithm"] != "sha256" || !clean(name) {
			bad("a resource that stands twice, is not under SHA-256, or has no clean name")
		}
		if form := decomposed(name); forms[form] != "" {
			bad("two names differ only in Unicode form")
		} else {
			forms[form] = name
		}
		m.files[name] = digest
	}
	return m
}

// clean tells whether a path is relative and has one reading.
func clean(path string) bool {
	for _, part := range strings.Split(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\r\n\\\x00") {
			return false
		}
	}
	return !strings.ContainsRune(strings.ToValidUTF8(path, "\x00"), 0)
}

func byParts(paths []string) []string {
	slices.SortFunc(paths, func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
	return paths
}

// digests returns the OMS root, which binds no names, and in-toto's dirHash, which does.
func (m manifest) digests() (omsRoot, dirHash string) {
	root, dir := sha256.New(), sha256.New()
	for _, path := range byParts(sortedKeys(m.files)) {
		raw, _ := hex.DecodeString(m.files[path])
		root.Write(raw)
	}
	for _, path := range sortedKeys(m.files) {
		dir.Write([]byte(m.files[path] + "  " + path + "\n"))
	}
	return hex.EncodeToString(root.Sum(nil)), hex.EncodeToString(dir.Sum(nil))
}

func (m manifest) lists(path string) bool {
	for name := range m.files {
		if name == path || strings.HasPrefix(name, path+"/") {
			return true
		}
	}
	return false
}

// Folder is what stands in a folder: files by their hex SHA-256, and all that no manifest can vouch for (links,
// devices, git's store, what cannot be read). Paths are relative, with slashes.
type Folder struct {
	Files     map[string]string
	Uncovered []string
}

func compareFolder(folder Folder, s statement, ignore []string) {
	for name := range s.digests {
		if name != "sha256" && name != "dirHash" {
			refuse("statement-malformed", "a folder is signed by its sha256 and its dirHash alone")
		}
	}
	m := as("manifest-malformed", func() manifest { return parseManifest(s.predicate) })
	for _, path := range m.ignored {
		if !slices.Contains(sidecars, path) && !slices.Contains(ignore, path) {
			refuse("ignored-path", "the signature leaves out %q", path)
		}
	}
	if root, dir := m.digests(); s.digests["sha256"] != root || s.digests["dirHash"] != dir {
		refuse("manifest-digests", "the signed digests do not match the signed manifest")
	}
	left := slices.Clone(m.ignored)
	for _, path := range ignore {
		if !m.lists(path) {
			left = append(left, path)
		}
	}
	left = slices.DeleteFunc(left, func(path string) bool { return slices.Contains(sidecars, path) })
	_, proof := folder.Files[logProof]
	for _, path := range folder.Uncovered {
		proof = proof || !isIgnored(path, left)
	}
	here := map[string]string{}
	for path, digest := range folder.Files {
		if slices.Contains(sidecars, path) || isIgnored(path, left) {
			continue
		}
		_, listed := m.files[path]
		here[path], proof = digest, proof || !listed
	}
	if proof {
		refuse("extra-file", "something stands there that the signature does not cover")
	}
	for _, path := range byParts(sortedKeys(m.files)) {
		digest, there := here[path]
		if !there {
			refuse("missing-file", "%q is signed and is not there", path)
		}
		if digest != m.files[path] {
			refuse("changed-file", "%q is not the file that was signed", path)
		}
	}
}

func isIgnored(path string, ignored []string) bool {
	for _, name := range ignored {
		if path == name || strings.HasPrefix(path, name+"/") {
			return true
		}
	}
	return false
}
