// Command clientgo tells what client-go does with kubeconfigs, in the environment that it runs in.
//
//	clientgo            reads questions and prints answers, JSON lines both
//	clientgo fixtures   writes certificates and keys into the folder that it runs in
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
)

// question names a kubeconfig, and certificates that its server might show.
type question struct {
	Case       string   `json:"case"`
	Kubeconfig string   `json:"kubeconfig"`
	Serving    []string `json:"serving"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "fixtures" {
		if err := writeFixtures(); err != nil {
			log.Fatal(err)
		}
		return
	}
	questions := bufio.NewScanner(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for questions.Scan() {
		var asked question
		if err := json.Unmarshal(questions.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		told, err := answerFor(asked)
		if err != nil {
			told = answer{Error: err.Error()}
		}
		told.Case = asked.Case
		if err := answers.Encode(told); err != nil {
			log.Fatal(err)
		}
	}
	if err := questions.Err(); err != nil {
		log.Fatal(err)
	}
}
