package kv

import "fmt"

// Check says what is wrong with the writes of one commit before any adapter looks at what is stored: no part, a key
// twice, a condition that means nothing. Adapters call it; a wrong commit is a mistake of ours and no conflict.
func Check(writes []Write) error {
	seen := make(map[Key]bool, len(writes))
	for _, w := range writes {
		switch {
		case w.Key.Part == "":
			return fmt.Errorf("kv: a write without a part (sort %q): nothing of the commit was written", w.Key.Sort)
		case seen[w.Key]:
			return fmt.Errorf("kv: %v stands twice in one commit: nothing of it was written", w.Key)
		case w.If < Absent:
			return fmt.Errorf("kv: %v has the condition %d, which is none of Always, Absent or a revision: nothing of the commit was written", w.Key, w.If)
		}
		seen[w.Key] = true
		for _, m := range w.Messages {
			if m.ID == "" || m.Type == "" {
				return fmt.Errorf("kv: %v causes a message without id or type: nothing of the commit was written", w.Key)
			}
		}
	}
	return nil
}

// Holds says whether a condition is true of the stored revision, 0 standing for nothing (or something expired).
func (c Condition) Holds(rev int64) bool {
	switch c {
	case Always:
		return true
	case Absent:
		return rev == 0
	default:
		return rev == int64(c)
	}
}
