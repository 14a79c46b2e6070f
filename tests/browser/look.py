#!/usr/bin/python3
"""Open a lab page in headless Chromium; print the launcher's cards as JSON; save a picture.

Usage: look URL PICTURE [USER PASSWORD]

With USER and PASSWORD the page is a hub's: the login form that it shows is filled in first.
"""

from __future__ import annotations

import json
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)
WAIT_SECONDS = 120


def log_in(browser: webdriver.Chrome, user: str, password: str) -> None:
    """Fill in a hub's login form and send it."""
    WebDriverWait(browser, WAIT_SECONDS).until(lambda page: page.find_elements(By.NAME, "username"))
    browser.find_element(By.NAME, "username").send_keys(user)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.NAME, "password").submit()


def main(url: str, picture: str, user: str = "", password: str = "") -> None:
    """Print {"title", "url", "notebook": [...], "console": [...], "errors": [...]}.

    The cards of the launcher's two kernel sections, and what the browser's own console says is wrong.
    """
    options = Options()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        browser.get(url)
        if user:
            log_in(browser, user, password)
        WebDriverWait(browser, WAIT_SECONDS).until(
            lambda page: page.find_elements(By.CSS_SELECTOR, ".jp-LauncherCard[data-category='Notebook']")
        )
        found = {"title": browser.title, "url": browser.current_url}
        for section in ("Notebook", "Console"):
            cards = browser.find_elements(By.CSS_SELECTOR, f".jp-LauncherCard[data-category='{section}']")
            found[section.lower()] = [card.get_attribute("title") or card.text for card in cards]
        found["errors"] = [said["message"] for said in browser.get_log("browser") if said["level"] == "SEVERE"]
        browser.save_screenshot(picture)
    finally:
        browser.quit()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
