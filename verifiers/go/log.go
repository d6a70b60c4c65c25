// Log proofs (C2SP tlog-proof, tlog-checkpoint, signed-note, tlog-cosignature): an entry stands in a log.

package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	noteLimit    = 512 << 10
	entryLimit   = 65535
	proofLimit   = noteLimit + 2*entryLimit
	mostLines    = 64
	mostHashes   = 63
	dash         = "\u2014 "
	latest       = 253402300799 // the last second of year 9999
	plainEd25519 = 1
)

var (
	numberPat   = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)
	controlPat  = regexp.MustCompile(`[\x00-\x09\x0b-\x1f]`)
	aboutKeyPat = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	noteTypes   = map[byte]string{1: "ed25519", 4: "ed25519", 6: "ml-dsa-44"}
	entryTypes  = strings.Fields("verdict evaluation signature attestation override waiver acceptance rotation revocation ceremony derivation file")
)

// VerifierKey is the public key of a log or a witness (a vkey), for one type of line.
type VerifierKey struct {
	Name string
	kind byte
	id   string // 4 bytes
	raw  []byte
}

// ParseVerifierKey reads NAME+HEX+BASE64.
func ParseVerifierKey(text string) (key VerifierKey, err error) {
	defer catch(&err)
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || !goodName(parts[0]) {
		bad("no verifier key")
	}
	body := unbase64(parts[2], "a verifier key")
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), body...))
	name, known := noteTypes[body[0]]
	if !known || len(body)-1 != algorithms[name].size || hex.EncodeToString(sum[:4]) != parts[1] {
		bad("a verifier key that contradicts itself")
	}
	return VerifierKey{parts[0], body[0], string(sum[:4]), body[1:]}, nil
}

func goodName(name string) bool {
	bad := strings.ContainsFunc(name, func(c rune) bool { return c == '+' || unicode.IsSpace(c) })
	return !bad && name != "" && utf8.RuneCountInString(name) <= 255
}

// LogTrust is whose signatures count: all keys of the log, and so many of the witnesses, each with all of its keys.
type LogTrust struct {
	Keys, Witnesses []VerifierKey
	Quorum          int
}

type noteLine struct{ name, id, signature string }

type checkpoint struct {
	text, origin string
	size         uint64
	root         []byte
	lines        []noteLine
}

// VerifyLogProof verifies that a log holds an entry about `digest` (hex SHA-256); the entry stands in the proof.
func VerifyLogProof(proof []byte, digest string, who LogTrust) (err error) {
	defer catch(&err)
	as("log-malformed", func() any {
		index, path, extra, signed := parseProof(proof)
		head := parseCheckpoint(signed)
		who.check(head)
		checkInclusion(leaf(extra), index, head, path)
		if parseEntry(extra) != digest {
			refuse("other-entry", "the entry is about something else")
		}
		return nil
	})
	return nil
}

func parseProof(data []byte) (index uint64, path [][]byte, extra, signed []byte) {
	top, signed, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	if len(data) > proofLimit || !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		bad("no tlog-proof, or too long")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		extra, lines = unbase64(lines[0][6:], "the extra line"), lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") || len(lines)-1 > mostHashes {
		bad("a proof without index, or with too many hashes")
	}
	index = parseNumber(lines[0][6:])
	for _, line := range lines[1:] {
		path = append(path, unbase64(line, "a hash"))
		if len(path[len(path)-1]) != sha256.Size {
			bad("a hash of another length")
		}
	}
	return index, path, extra, signed
}

func parseNumber(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 63)
	if err != nil || !numberPat.MatchString(text) {
		bad("a number that is none")
	}
	return value
}

func parseCheckpoint(data []byte) checkpoint {
	text := string(data)
	at := strings.LastIndex(text, "\n\n")
	if len(data) > noteLimit || !utf8.Valid(data) || at < 0 || controlPat.MatchString(text) || !strings.HasSuffix(text[at+2:], "\n") {
		bad("no signed note")
	}
	head := checkpoint{text: text[:at+1]}
	rows := strings.Split(strings.TrimSuffix(text[at+2:], "\n"), "\n")
	if len(rows) > mostLines {
		bad("too many lines")
	}
	for _, row := range rows {
		name, body, found := strings.Cut(strings.TrimPrefix(row, dash), " ")
		if !strings.HasPrefix(row, dash) || !found || !goodName(name) {
			bad("a line that is no signature line")
		}
		raw := unbase64(body, "a line")
		if len(raw) < 5 {
			bad("a line without content")
		}
		head.lines = append(head.lines, noteLine{name, string(raw[:4]), string(raw[4:])})
	}
	parts := strings.Split(text[:at], "\n")
	if len(parts) != 3 || parts[0] == "" { // an extension line would be signed by Ed25519, and not by ML-DSA
		bad("no checkpoint of origin, size and root alone")
	}
	head.origin, head.size, head.root = parts[0], parseNumber(parts[1]), unbase64(parts[2], "the root")
	if len(head.root) != sha256.Size {
		bad("a root of another length")
	}
	return head
}

// check refuses a checkpoint that does not count.
func (who LogTrust) check(head checkpoint) {
	empty := sha256.Sum256(nil)
	if head.origin != who.Keys[0].Name {
		refuse("other-log", "a checkpoint of another log")
	}
	if head.size == 0 && !bytes.Equal(head.root, empty[:]) {
		refuse("not-in-log", "a tree without entries has a root of some")
	}
	signed := map[string]bool{}
	for _, line := range head.lines {
		for _, key := range append(slices.Clone(who.Keys), who.Witnesses...) {
			if key.Name == line.name && key.id == line.id {
				if !key.signed(head, []byte(line.signature)) {
					refuse("log-line-invalid", "a line of a known key does not hold")
				}
				signed[line.name+"\n"+line.id] = true
			}
		}
	}
	whole := func(key VerifierKey) bool { return signed[key.Name+"\n"+key.id] }
	if slices.ContainsFunc(who.Keys, func(key VerifierKey) bool { return !whole(key) }) {
		refuse("log-line-missing", "a key of the log did not sign")
	}
	witnesses := map[string]bool{}
	for _, key := range who.Witnesses {
		before, seen := witnesses[key.Name]
		witnesses[key.Name] = whole(key) && (before || !seen)
	}
	count := 0
	for _, all := range witnesses {
		if all {
			count++
		}
	}
	if count < who.Quorum {
		refuse("witness-quorum", "%d of %d witnesses signed", count, who.Quorum)
	}
}

func (key VerifierKey) signed(head checkpoint, signature []byte) bool {
	verify := algorithms[noteTypes[key.kind]].verify
	if key.kind == plainEd25519 {
		return verify(key.raw, signature, []byte(head.text))
	}
	if len(signature) < 8 {
		return false
	}
	stamp := binary.BigEndian.Uint64(signature)
	if stamp > latest {
		return false
	}
	message := []byte("cosignature/v1\ntime " + strconv.FormatUint(stamp, 10) + "\n" + head.text)
	if key.kind == 6 {
		message = append([]byte("subtree/v1\n\x00"), byte(len(key.Name)))
		message = binary.BigEndian.AppendUint64(append(message, key.Name...), stamp)
		message = append(append(message, byte(len(head.origin))), head.origin...)
		message = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(message, 0), head.size)
		message = append(message, head.root...)
	}
	return verify(key.raw, signature[8:], message)
}

func leaf(entry []byte) []byte {
	sum := sha256.Sum256(append([]byte{0}, entry...))
	return sum[:]
}

func node(left, right []byte) []byte {
	sum := sha256.Sum256(slices.Concat([]byte{1}, left, right))
	return sum[:]
}

// checkInclusion is RFC 9162, 2.1.3.2.
func checkInclusion(hash []byte, index uint64, head checkpoint, path [][]byte) {
	if index >= head.size {
		refuse("not-in-log", "an entry that this tree does not have")
	}
	at, last := index, head.size-1
	for _, step := range path {
		if last == 0 {
			refuse("not-in-log", "the path is too long")
		}
		if at&1 == 1 || at == last {
			hash = node(step, hash)
			for at&1 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		} else {
			hash = node(hash, step)
		}
		at, last = at>>1, last>>1
	}
	if last != 0 || !bytes.Equal(hash, head.root) {
		refuse("not-in-log", "the path does not lead to the root")
	}
}

// parseEntry returns the digest that an entry is about; an entry has one form.
func parseEntry(data []byte) string {
	if len(data) > entryLimit {
		bad("an entry that is too long")
	}
	f := fieldsOf(parseJSON(data, false), "the entry")
	inner, about := f.fields("digest"), f.fields("about")
	if f.text("schema", anyPattern, 40) != "secpipe.log-entry/1" || !slices.Contains(entryTypes, f.text("type", anyPattern, 40)) {
		bad("an entry of no type that is known")
	}
	f.time("time")
	digest := inner.text("sha256", hex256, 64)
	f.close()
	inner.close()
	for key := range about.table {
		if about.text(key, anyPattern, 512); !aboutKeyPat.MatchString(key) {
			bad("an entry with a wrong about")
		}
	}
	if len(about.table) > 32 || !bytes.Equal(compact(f.table), data) {
		bad("an entry that is not in canonical form")
	}
	return digest
}

// Check tells what is wrong with a trust in a log: no key, several logs, one key twice, too few witnesses.
func (who LogTrust) Check() (err error) {
	defer catch(&err)
	names, raws := map[string]bool{}, map[string]bool{}
	for at, key := range append(slices.Clone(who.Keys), who.Witnesses...) {
		if at < len(who.Keys) && key.Name != who.Keys[0].Name || at >= len(who.Keys) && (key.kind == plainEd25519 || key.Name == who.Keys[0].Name) || raws[string(key.raw)] {
			bad("a key of another log, a witness of the log itself, or a key that is given twice")
		}
		if raws[string(key.raw)] = true; at >= len(who.Keys) {
			names[key.Name] = true
		}
	}
	if len(who.Keys) == 0 || who.Quorum < 0 || who.Quorum > len(names) {
		bad("no key of the log, or a quorum without as many witnesses")
	}
	return nil
}
