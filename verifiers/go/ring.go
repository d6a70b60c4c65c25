// The keyring: what the holders signed, and what the bounded rotation role appended.

package verifier

import (
	"regexp"
	"slices"
	"strings"
)

var (
	identityPath  = regexp.MustCompile(`^([a-z0-9-]{1,64})\.json$`)
	successorPath = regexp.MustCompile(`^([a-z0-9-]{1,64})/([1-9][0-9]{0,5})\.json$`)
	namedPat      = globPat
)

type delegation struct {
	quorum                      quorum
	algorithms                  []string
	keyDays, ringDays, lateDays int64
}

type ring struct {
	targets, rotation *envelope
	identities        []identity
	delegation        delegation
	history           []string
	freshUntil, epoch int64
	successors        []successor
}

func (r *ring) newest() *envelope {
	if r.rotation != nil {
		return r.rotation
	}
	return r.targets
}

func (r *ring) expires() int64 {
	if r.rotation != nil {
		return min(r.targets.expires, r.rotation.expires)
	}
	return min(r.targets.expires, r.freshUntil)
}

// chain is the digest of each version of the ring, the newest last.
func (r *ring) chain() []string { return append(slices.Clone(r.history), r.newest().digest) }

type load func(path string) []byte

func readRing(newest root, anchor string, targets []byte, rotation []byte, read load) *ring {
	r := parseBase(newest, targets, read)
	r.targets.demand(newest.ring)
	if rotation != nil {
		r.extend(anchor, parseEnvelope(rotation, "targets", "the rotation"), read)
		unique(r.identities, newest, r.delegation.quorum)
	}
	return r
}

func parseBase(newest root, data []byte, read load) *ring {
	e := parseEnvelope(data, "targets", "the ring")
	r := &ring{targets: e, delegation: parseDelegation(e.signed.fields("delegations"))}
	extra, targets := e.extra(), get[object](e.signed, "targets")
	for _, path := range sortedKeys(targets) {
		found := identityPath.FindStringSubmatch(path)
		if found == nil || !namePat.MatchString(found[1]) {
			bad("the ring holds a target that is not an identity")
		}
		r.identities = append(r.identities, parseIdentity(target(path, targets[path], read), found[1]))
	}
	unique(r.identities, newest, r.delegation.quorum)
	r.freshUntil = extra.time("fresh_until")
	r.history = parseHistory(extra, e)
	if extra.has("grandfathered") {
		table := extra.fields("grandfathered")
		if len(table.table) == 0 || len(table.table) > anyCount {
			bad("the ring grandfathers nothing, or too much")
		}
		for digest := range table.table {
			if table.text(digest, namedPat, 200); !hex256.MatchString(digest) {
				bad("the ring grandfathers what is no digest")
			}
		}
	}
	if extra.has("epoch") {
		r.epoch = extra.number("epoch")
	}
	return r
}

func parseHistory(extra *fields, e *envelope) []string {
	history := extra.strings("history", hex256, 100_000)
	if int64(len(history)) != e.version-1 {
		refuse("ring-history", "version %d does not list the versions before it", e.version)
	}
	return history
}

func parseDelegation(f *fields) delegation {
	keys := parseKeys(get[object](f, "keys"), f.what)
	roles := f.list("roles", 1)
	if len(roles) != 1 {
		bad("%s does not hold exactly the rotation role", f.what)
	}
	role := fieldsOf(roles[0], f.what)
	if role.text("name", anyPattern, 64) != "rotation" {
		bad("%s does not hold exactly the rotation role", f.what)
	}
	d := delegation{quorum: parseQuorum(role, keys)}
	limits := role.fields(extraField)
	d.algorithms = limits.strings("algorithms", pairPat, 100)
	d.keyDays, d.ringDays = limits.integer("key_days", 1, 36_500), limits.integer("ring_days", 1, 36_500)
	d.lateDays = d.ringDays
	if limits.has("late_days") {
		d.lateDays = limits.integer("late_days", 0, 36_500)
	}
	return d
}

func target(path string, value any, read load) []byte {
	f := fieldsOf(value, "target "+path)
	digest := f.fields("hashes").text("sha256", hex256, 64)
	data := read(path)
	if int64(len(data)) != f.integer("length", 1, 1<<26) || sha256Hex(data) != digest {
		refuse("target-mismatch", "%s is not the file that was signed", f.what)
	}
	return data
}

// unique refuses a public key that has two jobs.
func unique(identities []identity, newest root, rotation quorum) {
	seen := map[string]bool{}
	for _, key := range append(newest.quorum.keys(), newest.ring.keys()...) {
		seen[key.pem] = true
	}
	for _, key := range rotation.keys() {
		if seen[key.pem] {
			refuse("key-reused", "the rotation role uses a key of a holder")
		}
		seen[key.pem] = true
	}
	for _, who := range identities {
		halves := slices.Clone(who.rotation)
		for _, version := range who.versions {
			halves = append(halves, version.halves...)
		}
		for _, one := range halves {
			if seen[one.pem] {
				refuse("key-reused", "%s uses a public key that has another job", who.name)
			}
			seen[one.pem] = true
		}
	}
}

// extend applies what the rotation role signed on top of the holders' ring.
func (r *ring) extend(anchor string, e *envelope, read load) {
	e.demand(r.delegation.quorum)
	extra := e.extra()
	history := parseHistory(extra, e)
	if before := r.chain(); len(history) < len(before) || !slices.Equal(history[:len(before)], before) {
		refuse("rotation-does-not-extend", "rotation %d does not extend ring %d", e.version, r.targets.version)
	}
	r.bounded(e)
	targets := get[object](e.signed, "targets")
	paths := sortedKeys(targets)
	slices.SortStableFunc(paths, func(a, b string) int { return len(a) - len(b) })
	for _, path := range paths {
		found := successorPath.FindStringSubmatch(path)
		if found == nil || r.find(found[1]) == nil {
			refuse("rotation-beyond-role", "the rotation adds what is no version of an identity in the ring")
		}
		next := parseSuccessor(target(path, targets[path], read), found[1], found[2])
		who := r.find(found[1])
		r.appendable(*who, next, e)
		next.verify(who.newest(), anchor, who.rotation)
		who.versions = append(slices.Clone(who.versions), next.version)
		r.successors = append(r.successors, next)
	}
	r.suspend(extra, e.version-r.targets.version)
	r.rotation, r.history = e, history
}

func (r *ring) find(name string) *identity {
	for at := range r.identities {
		if r.identities[at].name == name {
			return &r.identities[at]
		}
	}
	return nil
}

func (r *ring) bounded(e *envelope) {
	if e.issued < r.targets.issued {
		refuse("rotation-bounds", "the rotation is issued before its ring")
	}
	if e.signed.has("delegations") {
		refuse("rotation-beyond-role", "the rotation role may not delegate")
	}
	if e.expires > min(e.issued+r.delegation.ringDays*day, r.targets.expires) {
		refuse("rotation-bounds", "the rotation lives longer than the holders allow")
	}
}

func (r *ring) appendable(who identity, next successor, e *envelope) {
	newest, version := who.newest(), next.version
	var names []string
	for _, one := range version.halves {
		names = append(names, one.algorithm)
	}
	switch {
	case who.origin != "":
		refuse("rotation-beyond-role", "%s belongs to another trust root", who.name)
	case next.issued < r.targets.issued || next.issued > e.issued:
		refuse("rotation-bounds", "a version that is not made between its ring and its rotation")
	case newest.mayNotEndorse(next.issued), next.issued > newest.signUntil+r.delegation.lateDays*day:
		refuse("endorser-state", "a version that is endorsed by a key that may not")
	case version.notBefore < max(next.issued, newest.notBefore):
		refuse("rotation-bounds", "a version that starts in the past")
	case version.signUntil-version.notBefore > r.delegation.keyDays*day:
		refuse("rotation-bounds", "a version that lives longer than the holders allow")
	case !slices.Contains(r.delegation.algorithms, strings.Join(names, "+")):
		refuse("rotation-bounds", "a version with algorithms that the holders do not allow")
	}
}

type mark struct {
	name           string
	version, since int64
}

// suspend applies the suspensions of a rotation whose number rose by `steps`.
func (r *ring) suspend(extra *fields, steps int64) {
	var marks []mark
	counted := map[mark]bool{}
	for _, item := range extra.list("suspended", 1000) {
		f := fieldsOf(item, "a suspension")
		one := mark{f.text("identity", namePat, 64), f.number("version"), f.time("since")}
		f.close()
		if who := r.find(one.name); who == nil || one.version > int64(len(who.versions)) {
			refuse("rotation-beyond-role", "the rotation suspends a key that is not in the ring")
		}
		marks = append(marks, one)
		counted[mark{one.name, one.version, 0}] = true
	}
	if steps > int64(len(r.successors)+len(counted)) {
		refuse("rotation-jump", "the number rose by more than was appended")
	}
	for _, one := range marks {
		for _, made := range r.successors {
			if made.identity == one.name && made.version.number == one.version+1 && made.issued >= one.since {
				refuse("endorser-state", "a suspended version endorses no successor")
			}
		}
		who := r.find(one.name)
		who.versions = slices.Clone(who.versions)
		if v := &who.versions[one.version-1]; v.suspended == 0 || one.since < v.suspended {
			v.suspended = one.since
		}
	}
}
