package runtime

import (
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"
)

// quiet is how long an environment runs on after its last invocation before it is frozen. AWS freezes at once; here a busy
// environment is spared two signals an invocation.
const quiet = 50 * time.Millisecond

// take gets the environment that was used last, thawed, or nil where all are busy.
func (v *version) take() *environment {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.idle) > 0 {
		e := v.idle[len(v.idle)-1]
		v.idle = v.idle[:len(v.idle)-1]
		e.timer.Stop()
		if e.frozen {
			e.signal(syscall.SIGCONT)
			e.frozen = false
		}
		if e.alive() {
			return e
		}
		go v.drop(e, "") // died between two invocations
	}
	return nil
}

// handover is how long a call waits for an environment that has answered and is about to be free, before it starts another.
const handover = 200 * time.Millisecond

// await waits for an environment whose invocation has been answered, and that has yet to ask for its next event; nil: there is
// none for this call, or it takes too long.
func (v *version) await() *environment {
	v.mu.Lock()
	if len(v.waiting) >= v.answered {
		v.mu.Unlock()
		return nil
	}
	free := make(chan *environment, 1)
	v.waiting = append(v.waiting, free)
	v.mu.Unlock()
	patience := time.NewTimer(handover)
	defer patience.Stop()
	select {
	case e := <-free:
		return e
	case <-patience.C:
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := slices.Index(v.waiting, free); i >= 0 {
		v.waiting = slices.Delete(v.waiting, i, i+1)
		return nil
	}
	return <-free // it came in the same moment
}

// settling notes that an environment has answered and is not free yet; settled, that it is, or never will be.
func (v *version) settling() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answered++
}

func (v *version) settled() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answered--
}

// add notes an environment that is about to begin; false: the version is closed.
func (v *version) add(e *environment) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.gone {
		v.all[e] = true
	}
	return !v.gone
}

// give takes an environment back that is done; false: it is not wanted any more.
func (v *version) give(e *environment) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone || v.retired {
		return false
	}
	if len(v.waiting) > 0 {
		v.waiting[0] <- e // has room for one
		v.waiting = slices.Delete(v.waiting, 0, 1)
		return true
	}
	v.idle = append(v.idle, e)
	e.used = time.Now()
	if e.timer == nil {
		e.timer = time.AfterFunc(quiet, func() { v.rest(e) })
	} else {
		e.timer.Reset(quiet)
	}
	return true
}

// rest freezes an environment that has had nothing to do for a moment, and shuts it down when that was long.
func (v *version) rest(e *environment) {
	v.mu.Lock()
	at := slices.Index(v.idle, e)
	if at < 0 { // taken meanwhile
		v.mu.Unlock()
		return
	}
	left := v.player.opt.Idle - time.Since(e.used)
	if left > 0 {
		switch {
		case e.frozen:
			e.timer.Reset(left)
		case e.server.Quiet():
			e.signal(syscall.SIGSTOP)
			e.frozen = true
			e.timer.Reset(left)
		default: // subscribers have yet to be told something
			e.timer.Reset(min(quiet, left))
		}
		v.mu.Unlock()
		return
	}
	v.idle = slices.Delete(v.idle, at, at+1)
	v.mu.Unlock()
	v.drop(e, "spindown")
}

// drop stops an environment and forgets it.
func (v *version) drop(e *environment, reason string) {
	e.stop(reason)
	v.mu.Lock()
	delete(v.all, e)
	v.mu.Unlock()
}

// retire ends what is at rest, and has what is busy end when it is done.
func (v *version) retire() {
	v.mu.Lock()
	v.retired = true
	idle := v.idle
	v.idle = nil
	v.mu.Unlock()
	v.dropAll(idle, idle)
}

// close stops every environment: those at rest are told, those that are busy have had their time.
func (v *version) close() {
	v.mu.Lock()
	v.gone = true
	idle := v.idle
	v.idle = nil
	all := slices.Collect(maps.Keys(v.all))
	v.mu.Unlock()
	v.dropAll(all, idle)
}

func (v *version) dropAll(all, told []*environment) {
	var dropping sync.WaitGroup
	for _, e := range all {
		reason := ""
		if slices.Contains(told, e) {
			e.timer.Stop()
			reason = "spindown"
		}
		dropping.Go(func() { v.drop(e, reason) })
	}
	dropping.Wait()
}
