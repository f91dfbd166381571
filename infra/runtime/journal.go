package runtime

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/runtime/api"
)

// tailSize is how much of an invocation's log its caller may have.
const tailSize = 4096

// journal is one environment's log stream, and what its subscribers hear. Safe for concurrent use once server is set.
type journal struct {
	name, stream string
	to           func(function, line string)
	server       *api.Server // of the environment that writes now
	mu           sync.Mutex
	tail         []byte // of the invocation under way
}

func newJournal(v *version) *journal {
	id := uuid.New()
	return &journal{name: v.Name, to: v.player.opt.Log,
		stream: fmt.Sprintf("%s/[%s]%x", time.Now().UTC().Format("2006/01/02"), v.number, id[:])}
}

// function takes a line that the function wrote.
func (j *journal) function(line []byte) {
	text := string(line)
	j.line(text)
	j.emit("function", text)
}

// extension takes a line that an extension wrote.
func (j *journal) extension(line []byte) {
	text := string(line)
	j.line(text)
	j.emit("extension", text)
}

func (j *journal) emit(kind string, record api.Record) { j.server.Emit(kind, record) }

func (j *journal) line(line string) {
	j.mu.Lock()
	j.tail = append(append(j.tail, line...), '\n')
	if len(j.tail) > 4*tailSize {
		j.tail = append(j.tail[:0], j.tail[len(j.tail)-tailSize:]...)
	}
	j.mu.Unlock()
	j.to(j.name, line)
}

// open begins an invocation's part of the log.
func (j *journal) open() {
	j.mu.Lock()
	j.tail = j.tail[:0]
	j.mu.Unlock()
}

// last is the end of the invocation's part, at most 4 KB.
func (j *journal) last() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]byte(nil), j.tail[max(0, len(j.tail)-tailSize):]...)
}
