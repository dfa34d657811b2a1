"""``mtalab serve-tests``: labs for the tests of other projects; the pytest plugin starts it."""

import typer


def register(app: typer.Typer) -> None:
    @app.command(name="serve-tests", hidden=True)
    def command() -> None:
        """Make labs for a test run, as standard input asks (docs/pytest.md)."""
        from lab.serving.lines import serve
        from lab.serving.service import Service
        from world.clock import SystemClock

        service = Service(SystemClock())
        try:
            serve(service.answer)
        finally:
            service.close()
