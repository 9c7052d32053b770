"""One command that starts everything: embedded servers, web, worker, beat, and the supervisor that keeps them up."""
