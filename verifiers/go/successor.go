// A key version that automation made: endorsed by every half of the one before, proven by every half of its own.

package verifier

import (
	"maps"
	"strconv"
)

type successor struct {
	identity, ring, predecessor string
	version                     keyVersion
	issued                      int64
	proofs                      map[string]map[string][]byte
	message                     []byte
}

func parseSuccessor(data []byte, name, number string) successor {
	f := fieldsOf(parseJSON(data, true), "a version of "+name)
	if f.text("schema", anyPattern, 40) != "secpipe.key-version/1" || f.text("identity", namePat, 64) != name {
		bad("%s is not what its target says", f.what)
	}
	core := maps.Clone(f.table)
	proofs := map[string]map[string][]byte{}
	for _, kind := range []string{"endorsement", "possession", "authorisation"} {
		delete(core, kind)
		if kind == "authorisation" && !f.has(kind) {
			continue
		}
		proofs[kind] = map[string][]byte{}
		for id, text := range get[object](f, kind) {
			proofs[kind][id] = unbase64(text, "a proof")
		}
	}
	s := successor{identity: name, version: parseVersion(get[object](f, "key"), f.what), issued: f.time("issued"), proofs: proofs}
	s.ring, s.predecessor = f.text("ring", hex256, 64), f.text("predecessor", hex256, 64)
	f.close()
	v := s.version
	if v.compromised != 0 || v.suspended != 0 || v.destroyed != 0 || strconv.FormatInt(v.number, 10) != number {
		bad("%s is not fresh, or not what its target says", f.what)
	}
	s.message = append([]byte("secpipe key version 1\n"), canonical(core)...)
	return s
}

func (s successor) verify(before keyVersion, anchor string, rotation []half) {
	if s.predecessor != before.id() || s.version.number != before.number+1 || s.ring != anchor {
		refuse("successor-order", "a version that does not follow, or was made for another trust root")
	}
	for kind, halves := range map[string][]half{
		"endorsement": before.halves, "possession": s.version.halves, "authorisation": rotation,
	} {
		if !allSigned(halves, s.proofs[kind], s.message) {
			refuse("successor-proof", "a version without a whole %s", kind)
		}
	}
}

func allSigned(halves []half, proof map[string][]byte, message []byte) bool {
	if len(proof) != len(halves) {
		return false
	}
	for _, one := range halves {
		if signature, there := proof[one.keyid()]; !there || !one.verify(signature, message) {
			return false
		}
	}
	return true
}
