"""What is wrong with this device, and what to do about it: one small file per subject.

A check is a function of a Patient that gives findings. It looks and changes nothing. page.py has the list.
"""
