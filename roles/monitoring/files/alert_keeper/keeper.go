package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	firing   = "firing"
	resolved = "resolved"
	// The alert that a broken trial target raises, as the rules call it.
	trialAlert = "MonitoringTrial"
	largest    = 4 << 20
	kept       = 2000
	glance     = 50 * time.Millisecond
)

// alert is what Alertmanager says of one.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// keeper knows the newest of each alert.
type keeper struct {
	lock   sync.Mutex
	alerts map[string]alert
	// Until when the trial's target is broken; it mends itself.
	broken time.Time
	trial  sync.Mutex
	log    *slog.Logger
}

func newKeeper(to io.Writer) *keeper {
	return &keeper{alerts: map[string]alert{}, log: slog.New(slog.NewJSONHandler(to, nil))}
}

// told takes a message of Alertmanager's.
func (k *keeper) told(writer http.ResponseWriter, request *http.Request) {
	var message struct {
		Receiver string  `json:"receiver"`
		Alerts   []alert `json:"alerts"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(writer, request.Body, largest)).Decode(&message); err != nil {
		http.Error(writer, "this is no message of Alertmanager's: "+err.Error(), http.StatusBadRequest)
		return
	}
	k.lock.Lock()
	for _, one := range message.Alerts {
		k.alerts[one.Fingerprint] = one
	}
	k.forget()
	k.lock.Unlock()
	for _, one := range message.Alerts {
		k.log.Info("alert", "status", one.Status, "receiver", message.Receiver, "labels", one.Labels,
			"annotations", one.Annotations, "startsAt", one.StartsAt)
	}
}

// forget leaves the newest; the caller has the lock.
func (k *keeper) forget() {
	if len(k.alerts) <= kept {
		return
	}
	all := k.sorted()
	for _, one := range all[kept:] {
		delete(k.alerts, one.Fingerprint)
	}
}

// sorted returns those that fire first, the newest first; the caller has the lock.
func (k *keeper) sorted() []alert {
	all := make([]alert, 0, len(k.alerts))
	for _, one := range k.alerts {
		all = append(all, one)
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Status != all[j].Status {
			return all[i].Status == firing
		}
		return all[i].StartsAt.After(all[j].StartsAt)
	})
	return all
}

func (k *keeper) list(writer http.ResponseWriter, _ *http.Request) {
	k.lock.Lock()
	all := k.sorted()
	k.lock.Unlock()
	answer(writer, all)
}

// metrics is the trial's target: while it is broken, whoever reads metrics finds it down.
func (k *keeper) metrics(writer http.ResponseWriter, _ *http.Request) {
	k.lock.Lock()
	broken, fire := time.Now().Before(k.broken), k.firing()
	k.lock.Unlock()
	if broken {
		http.Error(writer, "broken on purpose, for a moment", http.StatusServiceUnavailable)
		return
	}
	writer.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprintf(writer, "# TYPE platform_alert_keeper_firing gauge\nplatform_alert_keeper_firing %d\n", fire)
}

func (k *keeper) firing() int {
	count := 0
	for _, one := range k.alerts {
		if one.Status == firing {
			count++
		}
	}
	return count
}

// try breaks the target, and answers how long it took until its alert was here, and until it was over.
func (k *keeper) try(writer http.ResponseWriter, request *http.Request) {
	seconds, err := strconv.Atoi(request.URL.Query().Get("seconds"))
	if err != nil || seconds < 1 {
		http.Error(writer, "say how many seconds each step may take", http.StatusBadRequest)
		return
	}
	limit := time.Duration(seconds) * time.Second
	k.trial.Lock()
	defer k.trial.Unlock()
	// What an earlier one left that was cut off.
	if _, over := k.await(resolved, limit, request); !over {
		http.Error(writer, "an alert of an earlier trial does not end", http.StatusGatewayTimeout)
		return
	}
	k.breakUntil(time.Now().Add(limit))
	raised, there := k.await(firing, limit, request)
	k.breakUntil(time.Time{})
	if !there {
		http.Error(writer, fmt.Sprintf("no alert within %s", limit), http.StatusGatewayTimeout)
		return
	}
	cleared, over := k.await(resolved, limit, request)
	if !over {
		http.Error(writer, fmt.Sprintf("the alert came after %s, and did not end within %s", raised, limit), http.StatusGatewayTimeout)
		return
	}
	answer(writer, map[string]float64{"raised": raised.Seconds(), "cleared": cleared.Seconds()})
}

func (k *keeper) breakUntil(moment time.Time) {
	k.lock.Lock()
	k.broken = moment
	k.lock.Unlock()
}

// await waits until the trial's alert fires, or until none does.
func (k *keeper) await(status string, limit time.Duration, request *http.Request) (time.Duration, bool) {
	began := time.Now()
	for {
		if k.trialFires() == (status == firing) {
			return time.Since(began), true
		}
		if time.Since(began) >= limit || request.Context().Err() != nil {
			return time.Since(began), false
		}
		time.Sleep(glance)
	}
}

func (k *keeper) trialFires() bool {
	k.lock.Lock()
	defer k.lock.Unlock()
	for _, one := range k.alerts {
		if one.Labels["alertname"] == trialAlert && one.Status == firing {
			return true
		}
	}
	return false
}

func answer(writer http.ResponseWriter, content any) {
	writer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(writer).Encode(content)
}
