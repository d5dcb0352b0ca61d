package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func message(status, name, fingerprint string) *http.Request {
	text := fmt.Sprintf(`{"receiver": "keeper", "alerts": [{"status": %q, "labels": {"alertname": %q}, "fingerprint": %q}]}`, status, name, fingerprint)
	return httptest.NewRequest(http.MethodPost, "/alerts", strings.NewReader(text))
}

func get(handler http.HandlerFunc, path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder
}

// site stands in for Prometheus and Alertmanager: it tells of the trial's alert what it finds of the target.
func site(t *testing.T, k *keeper, tells ...string) {
	ticker := time.NewTicker(10 * time.Millisecond)
	t.Cleanup(ticker.Stop)
	go func() {
		for range ticker.C {
			status := resolved
			if get(k.metrics, "/metrics").Code != http.StatusOK {
				status = firing
			}
			for _, told := range tells {
				if told == status {
					k.told(httptest.NewRecorder(), message(status, trialAlert, "trial"))
				}
			}
		}
	}()
}

func TestATrialTellsHowLongItsAlertTookToComeAndToGo(t *testing.T) {
	k := newKeeper(io.Discard)
	site(t, k, firing, resolved)
	said := get(k.try, "/trial?seconds=5")
	if said.Code != http.StatusOK || !strings.Contains(said.Body.String(), `"raised"`) {
		t.Fatalf("%d %s", said.Code, said.Body)
	}
	if get(k.metrics, "/metrics").Code != http.StatusOK {
		t.Fatal("the target is still broken")
	}
}

func TestATrialFailsWithoutItsAlert(t *testing.T) {
	k := newKeeper(io.Discard)
	said := get(k.try, "/trial?seconds=1")
	if said.Code != http.StatusGatewayTimeout || !strings.Contains(said.Body.String(), "no alert within 1s") {
		t.Fatalf("%d %s", said.Code, said.Body)
	}
	if get(k.metrics, "/metrics").Code != http.StatusOK {
		t.Fatal("the target is still broken")
	}
}

func TestATrialFailsWhenItsAlertStays(t *testing.T) {
	k := newKeeper(io.Discard)
	site(t, k, firing)
	said := get(k.try, "/trial?seconds=1")
	if said.Code != http.StatusGatewayTimeout || !strings.Contains(said.Body.String(), "did not end") {
		t.Fatalf("%d %s", said.Code, said.Body)
	}
}

func TestWhatFiresIsListedFirst(t *testing.T) {
	k := newKeeper(io.Discard)
	k.told(httptest.NewRecorder(), message(resolved, "Old", "a"))
	k.told(httptest.NewRecorder(), message(firing, "New", "b"))
	said := get(k.list, "/alerts").Body.String()
	if strings.Index(said, "New") > strings.Index(said, "Old") || strings.Count(said, "fingerprint") != 2 {
		t.Fatal(said)
	}
}

func TestAnAlertIsWrittenDown(t *testing.T) {
	var written strings.Builder
	k := newKeeper(&written)
	k.told(httptest.NewRecorder(), message(firing, "DiskFull", "a"))
	if !strings.Contains(written.String(), `"alertname":"DiskFull"`) {
		t.Fatal(written.String())
	}
}

func TestOnlySoManyAreKept(t *testing.T) {
	k := newKeeper(io.Discard)
	for number := range kept + 10 {
		k.told(httptest.NewRecorder(), message(resolved, "Some", fmt.Sprint(number)))
	}
	if len(k.alerts) != kept {
		t.Fatal(len(k.alerts))
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	recorder := httptest.NewRecorder()
	newKeeper(io.Discard).told(recorder, httptest.NewRequest(http.MethodPost, "/alerts", strings.NewReader("no")))
	if recorder.Code != http.StatusBadRequest {
		t.Fatal(recorder.Code)
	}
}
