package runtime

import "time"

// take gets the environment that was used last, or nil where all are busy.
func (v *version) take() *environment {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.idle) > 0 {
		e := v.idle[len(v.idle)-1]
		v.idle = v.idle[:len(v.idle)-1]
		select {
		case <-e.process.Exited(): // died between two invocations
			delete(v.all, e)
			go e.stop()
			continue
		default:
		}
		if e.timer.Stop(); true {
			return e
		}
	}
	return nil
}

// add notes an environment that has been launched; false: the version is closed.
func (v *version) add(e *environment) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone {
		return false
	}
	v.all[e] = true
	return true
}

// give takes an environment back that is done.
func (v *version) give(e *environment) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone {
		return
	}
	v.idle = append(v.idle, e)
	e.used = time.Now()
	if e.timer == nil {
		e.timer = time.AfterFunc(v.player.opt.Idle, func() { v.reap(e) })
	} else {
		e.timer.Reset(v.player.opt.Idle)
	}
}

// reap shuts an environment down that has had nothing to do.
func (v *version) reap(e *environment) {
	v.mu.Lock()
	found := false
	for i, other := range v.idle {
		if other == e && time.Since(e.used) >= v.player.opt.Idle {
			v.idle = append(v.idle[:i], v.idle[i+1:]...)
			found = true
			break
		}
	}
	v.mu.Unlock()
	if found {
		v.drop(e)
	}
}

// drop stops an environment and forgets it.
func (v *version) drop(e *environment) {
	e.stop()
	v.mu.Lock()
	delete(v.all, e)
	v.mu.Unlock()
}

// close stops every environment, also those that are busy.
func (v *version) close() {
	v.mu.Lock()
	v.gone = true
	v.idle = nil
	var all []*environment
	for e := range v.all {
		all = append(all, e)
	}
	v.mu.Unlock()
	for _, e := range all {
		v.drop(e)
	}
	v.root.Close()
}
