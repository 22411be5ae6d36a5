// Greets whoever the job names, from a process that stays warm.
//
//   [runner:coprocess-hello-go]
//   runner = coprocess!./coprocess-hello
//   concurrency = 2
//   greeting = Hello
//
// Job:    {"parameters": {"name": "World"}}
// Reply:  {"status": "completed", "data": "Hello, World!"}
//
// To be built beside the INI file: go build -o coprocess-hello runners/coprocess-hello.go

package main

import (
	"encoding/json"
	"os"
)

type request struct {
	Run string `json:"run"`
	Job struct {
		Body struct {
			Parameters struct {
				Name string `json:"name"`
			} `json:"parameters"`
		} `json:"body"`
	} `json:"job"`
	Settings map[string]string `json:"settings"`
}

type answer map[string]any

func greet(r request, say func(answer)) answer {
	name := r.Job.Body.Parameters.Name
	if name == "" {
		return answer{"failed": "parameters.name is missing"}
	}
	say(answer{"progress": 50, "message": "thinking of " + name})
	greeting := r.Settings["greeting"]
	if greeting == "" {
		greeting = "Hello"
	}
	return answer{"completed": true, "data": greeting + ", " + name + "!"}
}

func main() {
	requests := json.NewDecoder(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for requests.More() {
		var r request
		// A value of another type is as good as none; the decoder goes on with the next request.
		if err := requests.Decode(&r); err != nil && r.Run == "" {
			panic(err)
		}
		say := func(a answer) {
			a["run"] = r.Run
			if err := answers.Encode(a); err != nil {
				panic(err)
			}
		}
		say(greet(r, say))
	}
}
