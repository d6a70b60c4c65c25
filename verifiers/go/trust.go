// The trust bundle: roots, ring and the statement of the newest ring in one file, every signature checked here.

package verifier

import (
	"strings"
	"time"
	"unicode/utf8"
)

const (
	skew      = 60
	fileLimit = 4 << 20
)

// Trust is the verified trust state.
type Trust struct {
	roots []root
	ring  *ring
}

// TrustOptions is what a verifier asks of a trust bundle. Pin is the digest of a root (`sha256:HEX`); without one the
// caller believes whoever gave him the file. Seen is the bundle accepted before: keep the last one, and give it here.
type TrustOptions struct {
	Pin        string
	Seen       []byte
	MaxRingAge int // days; 0: not asked
	Now        time.Time
}

// OpenTrust verifies a trust bundle and returns what it grants.
func OpenTrust(data []byte, o TrustOptions) (t *Trust, err error) {
	defer catch(&err)
	return as("trust-malformed", func() *Trust {
		found, snapshot := open(data, o.Pin)
		found.judgeTime(o.Now.Unix())
		if o.Seen != nil {
			before, _ := open(o.Seen, "")
			demandNewer(before, found)
		}
		if o.MaxRingAge > 0 {
			if why := stale(snapshot, found, o.Now.Unix(), int64(o.MaxRingAge)); why != "" {
				refuse("ring-stale", "%s", why)
			}
		}
		return found
	}), nil
}

func open(data []byte, pin string) (*Trust, []byte) {
	f := fieldsOf(parseJSON(data, true), "the trust bundle")
	if f.text("schema", anyPattern, 40) != "secpipe.trust-bundle/1" {
		bad("a trust bundle of another schema")
	}
	var files []string
	for _, item := range f.list("roots", anyCount) {
		files = append(files, document(item))
	}
	targets := []byte(document(get[string](f, "ring")))
	var rotation, snapshot []byte
	if f.has("rotation") {
		rotation = []byte(document(get[string](f, "rotation")))
	}
	if f.has("snapshot") {
		snapshot = []byte(document(get[string](f, "snapshot")))
	}
	documents := get[object](f, "targets")
	for _, item := range documents {
		document(item)
	}
	if f.close(); len(documents) > 100_000 {
		bad("a trust bundle with too many targets")
	}
	chain := verifyChain(files)
	checkPin(pin, chain)
	read := func(path string) []byte {
		item, there := documents[path]
		if !there {
			bad("the trust bundle lacks target %s", path)
		}
		return []byte(document(item))
	}
	return &Trust{chain, readRing(chain[len(chain)-1], chain[0].digest, targets, rotation, read)}, snapshot
}

func document(item any) string {
	text, ok := item.(string)
	if !ok || utf8.RuneCountInString(text) > fileLimit {
		bad("a document that is no text, or too long")
	}
	return text
}

func checkPin(pin string, chain []root) {
	wanted := strings.ToLower(strings.TrimPrefix(pin, "sha256:"))
	if pin == "" {
		return
	}
	if !hex256.MatchString(wanted) {
		bad("a pin that is not sha256: and 64 hex digits")
	}
	for _, one := range chain {
		if one.digest == wanted {
			return
		}
	}
	refuse("wrong-pin", "no root of the chain has the pinned digest")
}

func (t *Trust) newest() root { return t.roots[len(t.roots)-1] }

func (t *Trust) judgeTime(now int64) {
	for _, one := range [][2]int64{
		{t.newest().issued, t.newest().expires},
		{max(t.ring.targets.issued, t.ring.newest().issued), t.ring.expires()},
	} {
		if now < one[0]-skew {
			refuse("trust-not-yet", "the trust is issued after now")
		}
		if now > one[1] {
			refuse("trust-expired", "the trust expired")
		}
	}
}
