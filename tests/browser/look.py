#!/usr/bin/python3
"""Open a lab page in headless Chromium; print the launcher's cards as JSON; save a picture.

Usage: look URL PICTURE
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


def main(url: str, picture: str) -> None:
    """Print {"title", "notebook": [...], "console": [...]}: the cards of the launcher's two kernel sections."""
    options = Options()
    for flag in (*FLAGS, f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        browser.get(url)
        WebDriverWait(browser, WAIT_SECONDS).until(
            lambda page: page.find_elements(By.CSS_SELECTOR, ".jp-LauncherCard[data-category='Notebook']")
        )
        found = {"title": browser.title}
        for section in ("Notebook", "Console"):
            cards = browser.find_elements(By.CSS_SELECTOR, f".jp-LauncherCard[data-category='{section}']")
            found[section.lower()] = [card.get_attribute("title") or card.text for card in cards]
        browser.save_screenshot(picture)
    finally:
        browser.quit()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
