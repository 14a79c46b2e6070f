"""What the program keeps on a machine, and its removal: `invoke clean`.

Two edges take stock: `disk` of the user's folders, `engine` of what the engine has, which `judgement` sorts. `plan`
says what becomes of each entry, `removing` does it, `report` shows it.
"""
