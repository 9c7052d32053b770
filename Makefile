# `make run` starts everything, `make test` runs all tests. Both prepare what they need first.
PYTHON ?= python3
BOOT_TEST = @$(PYTHON) bin/bootstrap.py test
BIN = .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint types contracts migrations deploy check lock

help: ## Show these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: ## Start everything; prints the URL and the demo logins
	@$(PYTHON) bin/bootstrap.py run -m billing_portal.processes

test: ## Run all tests on two cores (ARGS="tests/common" for some, ARGS="-n 0" on one)
	$(BOOT_TEST) -m pytest -n auto $(ARGS)

lint: ## Style and format
	$(BOOT_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: ## Static types
	$(BOOT_TEST)
	@bin/with-settings $(BIN)/mypy .

contracts: ## Which layer imports which
	$(BOOT_TEST)
	@bin/with-settings $(BIN)/lint-imports

migrations: ## Is a migration missing?
	$(BOOT_TEST)
	@bin/with-settings $(BIN)/python -W 'ignore:Got an error checking a consistent' manage.py makemigrations --check --dry-run

deploy: ## Django's checks for production
	$(BOOT_TEST)
	@bin/with-settings $(BIN)/python manage.py check --deploy --fail-level WARNING

check: lint types contracts migrations deploy test ## All of the above

lock: ## Resolve requirements*.in into the pinned files
	$(BOOT_TEST)
	@bin/lock
