package move

import (
	"context"
	"runtime"
	"sync"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// mover is one run of a job in this process.
type mover struct {
	job      Job
	stores   []kv.Store // of the job's parts
	store    kv.Store   // the first of them
	most     int        // writes that it takes at once
	services []string
	firsts   firsts
	known    int64            // rows that the pages had when it began
	top      int64            // the greatest sid of them
	written  map[int64]string // the service's own ids of the rows that reverse has written, by sid
	tell     sync.Mutex
}

// mover makes one, if the form's components are what the services take money and consent from, and the source is not older
// than what they have of it.
func (j Job) mover(ctx context.Context) (*mover, error) {
	if err := j.ready(ctx); err != nil {
		return nil, err
	}
	m := &mover{job: j, firsts: newFirsts(), services: j.services(), stores: make([]kv.Store, len(j.Parts)), most: kv.MaxWrites(j.Parts[0].Store)}
	for i, p := range j.Parts {
		m.stores[i] = patient{p.Store}
	}
	m.store = m.stores[0]
	return m, m.newer(ctx)
}

func (m *mover) moved(rows int) {
	if m.job.Moved != nil && rows > 0 {
		m.tell.Lock()
		defer m.tell.Unlock()
		m.job.Moved(rows)
	}
}

// workers is how many partitions are worked on at once. A source that is not live is read in one stream.
func (m *mover) workers() int {
	switch {
	case !m.job.Source.Live():
		return 1
	case m.job.Workers > 0:
		return m.job.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func statePart(f form.Form) string { return "move/" + f.Alias }
