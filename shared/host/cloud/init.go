package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// failInit says why the service does not start: one line in the log, and to Lambda, which answers the waiting event with it.
func failInit(w World, name string, cause error) {
	log := newLog(w).With("service", name)
	log.Error("init failed", "error", cause.Error())
	api := w.Getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		return
	}
	if err := postInitError(api, name, cause); err != nil {
		log.Error("init failure not told to Lambda", "error", err.Error())
	}
}

// initError is the errorType by which alarms and the console know this kind of failure.
const initError = "Function.InitError"

func postInitError(api, name string, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]any{"errorMessage": name + " does not start: " + cause.Error(), "errorType": initError, "stackTrace": []string{}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Lambda-Runtime-Function-Error-Type", initError)
	direct := &http.Client{Transport: &http.Transport{}} // past any proxy: the address is the environment's own
	a, err := direct.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the Runtime API answered %s", a.Status)
	}
	return nil
}

// guarded runs a start of ours or of a service, whose panic is a reason like any other.
func guarded(what string, run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: panic: %v", what, p)
		}
	}()
	if err := run(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// missing is the error for variables that are not set; nil for none.
func missing(names ...string) error {
	var all error
	for _, name := range names {
		all = errors.Join(all, fmt.Errorf("%s is not set", name))
	}
	return all
}
