// TUF metadata: the envelope, its keys, and the class-aware rule: a holder counts only if both halves verify.

package verifier

import (
	"crypto/sha512"
	"encoding/hex"
	"strings"
)

const extraField = "x-secpipe"

var tufNames = map[[2]string]string{
	{"ed25519", "ed25519"}: "ed25519", {"ecdsa", "ecdsa-sha2-nistp256"}: "ecdsa-p256",
	{"ecdsa", "ecdsa-sha2-nistp384"}: "ecdsa-p384", {"ml-dsa", "ml-dsa-44/1"}: "ml-dsa-44",
	{"ml-dsa", "ml-dsa-65/1"}: "ml-dsa-65", {"ml-dsa", "ml-dsa-87/1"}: "ml-dsa-87",
}

type tufKey struct {
	half
	id, holder string
}

// quorum is who signs a role: a pair of keys for each holder, and how many people are needed.
type quorum struct {
	holders map[string][]tufKey
	people  int
}

func (q quorum) keys() (all []tufKey) {
	for _, name := range sortedKeys(q.holders) {
		all = append(all, q.holders[name]...)
	}
	return all
}

type envelope struct {
	signed          *fields
	payload         []byte
	signatures      map[string][]byte
	digest          string
	version         int64
	issued, expires int64
}

func (e *envelope) extra() *fields { return e.signed.fields(extraField) }

func parseEnvelope(data []byte, kind, what string) *envelope {
	outer := fieldsOf(parseJSON(data, true), what)
	signed := outer.fields("signed")
	if signed.text("_type", anyPattern, 20) != kind || !strings.HasPrefix(signed.text("spec_version", anyPattern, 20), "1.") {
		bad("%s is not %s metadata of TUF 1.x", what, kind)
	}
	signatures := map[string][]byte{}
	for _, item := range outer.list("signatures", 1000) {
		one := fieldsOf(item, what+", a signature")
		id, text := one.text("keyid", anyPattern, 200), one.text("sig", anyPattern, anyLength)
		raw, err := hex.DecodeString(text)
		if _, twice := signatures[id]; twice || err != nil || strings.ToLower(text) != text {
			bad("%s has a signature that stands twice or is not hex", what)
		}
		signatures[id] = raw
	}
	e := &envelope{signed: signed, signatures: signatures, digest: sha256Hex(data)}
	e.issued, e.expires = e.extra().time("issued"), signed.time("expires")
	e.version, e.payload = signed.number("version"), canonical(signed.table)
	if e.issued >= e.expires {
		bad("%s expires before it is issued", what)
	}
	return e
}

func (e *envelope) signedBy(key tufKey) bool {
	message := e.payload
	if key.class == pq { // TAP 21
		sum := sha512.Sum512(e.payload)
		message = append([]byte("tuf\x01"), sum[:]...)
	}
	signature, there := e.signatures[key.id]
	return there && key.verify(signature, message)
}

// demand refuses unless enough people of q signed with both halves.
func (e *envelope) demand(q quorum) {
	count := 0
	for _, pair := range q.holders {
		if e.signedBy(pair[0]) && e.signedBy(pair[1]) {
			count++
		}
	}
	if count < q.people {
		refuse("quorum", "version %d is signed by %d of %d people", e.version, count, q.people)
	}
}

func parseKeys(table object, what string) map[string]tufKey {
	if len(table) > 1000 {
		bad("%s has too many keys", what)
	}
	keys, seen := map[string]tufKey{}, map[string]bool{}
	for id, value := range table {
		key := parseKey(id, value)
		if seen[key.pem] {
			bad("%s holds one public key under two ids", what)
		}
		keys[id], seen[key.pem] = key, true
	}
	return keys
}

func parseKey(id string, value any) tufKey {
	f := fieldsOf(value, "a key")
	kind, scheme := f.text("keytype", anyPattern, 40), f.text("scheme", anyPattern, 40)
	name, known := tufNames[[2]string{kind, scheme}]
	public := f.fields("keyval").text("public", anyPattern, anyLength)
	if !known {
		bad("a key of a type that is not known")
	}
	pem := public
	if name == "ed25519" {
		raw, err := hex.DecodeString(public)
		if err != nil || len(raw) != 32 || hex.EncodeToString(raw) != public {
			bad("a key that is not 32 bytes of hex")
		}
		pem = pemOf(algorithms[name], raw)
	}
	key := tufKey{publicHalf(name, pem), id, f.text("x-secpipe-holder", namePat, 64)}
	core := object{"keytype": kind, "keyval": object{"public": public}, "scheme": scheme}
	if sha256Hex(canonical(core)) != id {
		bad("a key that does not match its id")
	}
	return key
}

// parseQuorum reads a role; each holder has exactly one classical and one post-quantum key.
func parseQuorum(role *fields, keys map[string]tufKey) quorum {
	q := quorum{holders: map[string][]tufKey{}}
	for _, id := range role.strings("keyids", anyPattern, 1000) {
		key, there := keys[id]
		if !there {
			bad("%s names a key that is not there", role.what)
		}
		q.holders[key.holder] = append(q.holders[key.holder], key)
	}
	for _, pair := range q.holders {
		if len(pair) != 2 || pair[0].class == pair[1].class {
			bad("%s: a holder without one classical and one post-quantum key", role.what)
		}
	}
	threshold := role.number("threshold")
	if threshold%2 != 0 || threshold > int64(2*len(q.holders)) {
		bad("%s has a threshold that is not twice a number of its holders", role.what)
	}
	q.people = int(threshold / 2)
	return q
}

type root struct {
	*envelope
	quorum, ring quorum
	authorities  int // time authorities that are pinned: this verifier reads no time stamps
}

func parseRoot(data []byte) root {
	e := parseEnvelope(data, "root", "a root")
	keys := parseKeys(get[object](e.signed, "keys"), "a root")
	roles := e.signed.fields("roles")
	if strings.Join(sortedKeys(roles.table), " ") != "root snapshot targets timestamp" {
		bad("a root without exactly the roles of TUF")
	}
	authorities := e.extra().list("time_authorities", 100)
	for _, item := range authorities {
		one := fieldsOf(item, "a time authority")
		one.text("name", namePat, 64)
		one.text("pem", anyPattern, anyLength)
	}
	return root{e, parseQuorum(roles.fields("root"), keys), parseQuorum(roles.fields("targets"), keys), len(authorities)}
}

// verifyChain returns roots 1..N, each signed under itself and under the one before.
func verifyChain(files []string) (chain []root) {
	if len(files) == 0 {
		bad("there is no root")
	}
	for at, data := range files {
		next := parseRoot([]byte(data))
		if next.version != int64(at+1) {
			refuse("root-chain", "the root in place %d says it is version %d", at+1, next.version)
		}
		if at > 0 {
			if next.issued < chain[at-1].issued {
				refuse("root-chain", "root %d is issued before root %d", at+1, at)
			}
			next.demand(chain[at-1].quorum)
		}
		next.demand(next.quorum)
		chain = append(chain, next)
	}
	return chain
}
